//! Tests of the real binary: cluster, failures, commands.
