"""`python -m app` is `riverrun`."""

from app.cli import main

main()
