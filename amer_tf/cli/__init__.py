"""The command line `amer`: one verb a file, which turns flags into calls of the library."""
