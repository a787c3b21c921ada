"""Sources: incidents read from the REST API of the system that holds them, page by page, able to go on after a break.

`pull` reads them; each module of a system yields its pages. The systems and what is asked of them are described in
``docs/sources.md``.
"""
