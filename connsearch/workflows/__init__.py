"""One function a command: arguments in, a value out, events on the way. Nothing here prints.

``settings/`` holds what each function can be asked for, as frozen models that need no torch.
"""
