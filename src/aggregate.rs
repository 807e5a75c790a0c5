//! What pass 1 keeps: for each endpoint and minute, how many requests and how many errors.
//!
//! Integers only; merging is commutative and associative, so any order of chunks and any number of
//! machines gives the same aggregate. Parses nothing, judges nothing.
