"""Generated walkers: people who are nobody, their walks, and what a camera and a mask network make of them."""
