"""What pages and pictures are made of: records that scripts read, the scripts, and the libraries that these use."""
