"""Events that programs send as they would send them to Amplitude, request by request."""
