"""Errors of the export API as problem details (RFC 9457)."""
