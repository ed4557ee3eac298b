"""Models of a pipeline in files elsewhere: on this machine, on HDFS, on S3."""
