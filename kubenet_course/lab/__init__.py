"""The same tables on the real kernel: a script that builds them, packets really sent, frames really captured."""
