"""The web console: pages and an API on the same library calls as the command line.

It holds no logic of its own and never goes around the files: what is recorded on a page is an exclusion file that git
and the command line see. `work/` calls the library, `pages/` and `api` show what it returns, `security/` decides who
may do what.
"""
