"""Files of the server: storage, names, the file broker, full disks, the sweep of unreferenced files."""
