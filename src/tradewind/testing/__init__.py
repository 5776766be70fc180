"""Shipped for tests: fakes and the conformance suites; no production file imports it."""
