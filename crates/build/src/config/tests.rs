//! Configuration texts, and what becomes of them: the whole error with its places, or the structure.
