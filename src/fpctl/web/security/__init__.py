"""Who may do what on the console: roles, passwords, sessions, forms, headers."""
