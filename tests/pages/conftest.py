"""Every test here has a server of its own; one finished study is made for all of them."""

from tests.helpers_app import cells, filled, finished_study, server

__all__ = ["cells", "filled", "finished_study", "server"]
