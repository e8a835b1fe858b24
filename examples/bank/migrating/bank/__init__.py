"""The bank while its tables are sealed in place: models of its own, and the rest from the bank of after, which follows on PYTHONPATH."""

from pkgutil import extend_path

__path__ = extend_path(__path__, __name__)
