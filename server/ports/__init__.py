"""What the services need of the world outside: small protocols that every adapter keeps."""
