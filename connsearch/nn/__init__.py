"""Structure to network: stems, representation flow, fusion, attention, blocks, head, network."""
