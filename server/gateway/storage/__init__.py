"""The embedded object storage over HTTP: it answers as S3 does."""
