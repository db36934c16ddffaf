"""What an engine has, and whether everything that rules need is there."""
