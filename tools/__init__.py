"""Tools for those who change the course: the notebook build and the measurements. Not installed with the package."""
