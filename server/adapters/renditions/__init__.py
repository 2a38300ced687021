"""Renditions by Pillow and ffmpeg, each file in a process of its own that is held to limits."""
