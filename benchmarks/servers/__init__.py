"""The servers that are measured, each as its users would write it: an echo, and a broadcast at /broadcast."""
