"""What the boxes speak of: users, posts, feeds, events and the ids that order them."""
