"""``python -m app.page SOCKETS``: started by a worker, see ``app.page.process``."""

from app.page.serve import main

main()
