"""`python -m kubenet_course`: the command line, for an environment whose bin is not on the path."""

from .cli import main

if __name__ == "__main__":
    main()
