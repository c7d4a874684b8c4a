"""An image that cannot be pulled (pkg/kubelet/images/image_manager.go, EnsureImageExists).

A container that waits for its image has never run, so its pod is Pending. ErrImagePull and
ImagePullBackOff are reasons of the waiting container: the first after an attempt that failed,
the second while the kubelet waits before it tries again, 10 s, 20 s, 40 s and so on up to 300 s.
"""

from ...linux.timeline import SECOND
from .life import Box, Pod, look, report
from .restart import FIRST, LONGEST

FAILED, BACK_OFF = "ErrImagePull", "ImagePullBackOff"


def fails(pod: Pod, box: Box) -> bool:
    """Asks for the image of a container that has not run yet. True: it does not come this time."""
    if pod.timeline.now < box.pulls_again:
        _waits_for(pod, box, BACK_OFF)
        return True
    pull = box.behaviour.pull
    if pull is None or (pull.fails is not None and box.pulls >= pull.fails):
        return False
    box.is_starting = True

    def failed() -> None:
        box.is_starting = False
        if pod.is_deleted or pod.is_gone:
            return
        wait = min(FIRST << min(box.pulls, 8), LONGEST)
        box.pulls += 1
        box.pulls_again = pod.timeline.now + wait
        _waits_for(pod, box, FAILED)
        pod.say("pull", box, result=FAILED, said=f"the next attempt in {wait // SECOND}s")
        pod.sync_soon(pod.settings.relist)
        pod.sync_soon(wait)  # DEV-31

    pod.timeline.after(pod.settings.pulls_after, failed)
    return True


def _waits_for(pod: Pod, box: Box, reason: str) -> None:
    if box.waits_for == reason:
        return
    box.waits_for = reason
    look(pod, box)
    report(pod)
    if reason == BACK_OFF:
        pod.say("backoff", box, result=reason)
