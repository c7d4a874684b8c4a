"""A packet socket that copies each frame at once into memory which it shares with the kernel (packet_mmap, TPACKET_V2).

An ordinary packet socket keeps the sender's own bytes until they are read. A kernel that sends on the pieces of a packet writes
the new headers over the old ones (ip_fraglist_prepare), so that what is read later is no longer what was there.
"""

from __future__ import annotations

import mmap
import socket
import struct
from collections.abc import Iterator

SOL_PACKET, PACKET_RX_RING, PACKET_VERSION, TPACKET_V2 = 263, 5, 10, 1  # linux/if_packet.h
BLOCK, SLOT, BLOCKS = 1 << 20, 1 << 14, 8
SLOTS = BLOCK // SLOT * BLOCKS
HEADER = struct.Struct(
    "=IIIHH"
)  # struct tpacket2_hdr: status, length, bytes here, where the frame begins, where IP does
LINK = struct.Struct("=HHiHBB")  # struct sockaddr_ll: family, protocol, device, ..., kind of packet
LINK_AT = 32
OURS = 1  # TP_STATUS_USER


class Ring:
    """The frames of one packet socket, in the order in which they passed."""

    def __init__(self, ear: socket.socket):
        ear.setsockopt(SOL_PACKET, PACKET_VERSION, TPACKET_V2)
        ear.setsockopt(SOL_PACKET, PACKET_RX_RING, struct.pack("=IIII", BLOCK, BLOCKS, SLOT, SLOTS))
        self.memory = mmap.mmap(ear.fileno(), BLOCK * BLOCKS)
        self.at = 0

    def frames(self) -> Iterator[tuple[int, int, bytes]]:
        """What has come since the last call: the device's number, the kind of packet, the frame."""
        while True:
            start = self.at * SLOT
            status, size, here, mac, _ = HEADER.unpack_from(self.memory, start)
            if not status & OURS:
                return
            if here < size:
                raise OSError(f"a frame of {size} bytes is longer than the {here} that are kept")
            device, _, kind = LINK.unpack_from(self.memory, start + LINK_AT)[2:5]
            yield device, kind, self.memory[start + mac : start + mac + here]
            self.memory[start : start + 4] = bytes(4)  # the kernel's again
            self.at = (self.at + 1) % SLOTS
