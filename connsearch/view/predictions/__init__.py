"""What a network says about videos: tables, timelines, videos with the answers on them."""
