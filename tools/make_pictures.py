"""Draws the README's picture from the model: python -m tools.make_pictures"""

from base64 import b64decode
from pathlib import Path

from kubenet_course.data import data
from kubenet_course.kube.model.cluster import cluster
from kubenet_course.kube.questions.ask import request
from kubenet_course.views.story.stepper import Stepper

PICTURE = Path(__file__).resolve().parent.parent / "data" / "pictures" / "stepper.png"


def main() -> None:
    ours = cluster([data("clusters/two-nodes.yaml")])
    world = ours.world()
    stepper = Stepper(
        world, request(ours, "pod/default/client", "service/default/web:80", world=world), title="client asks web:80"
    )
    stepper.step = 6
    drawn = stepper._repr_mimebundle_()["image/png"]
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_bytes(drawn if isinstance(drawn, bytes) else b64decode(drawn))
    print(PICTURE)


if __name__ == "__main__":
    main()
