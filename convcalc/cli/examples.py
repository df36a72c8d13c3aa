"""Two examples of every command, at the end of its help."""

from __future__ import annotations

EXAMPLES = {
    "analyze": ("convcalc analyze zoo:resnet50", "convcalc analyze net.yaml --by block --top 10 --set width=0.5"),
    "memory": ("convcalc memory zoo:mobilenet_v2 --dtype int8", "convcalc memory net.yaml --fused --order best"),
    "compare": (
        "convcalc compare zoo:resnet18 --variant separable",
        "convcalc compare net.yaml --variant grouped:groups=4 -o grouped.yaml",
    ),
    "counts": ("convcalc counts zoo:resnet50", "convcalc counts zoo:resnet50 --match 4.09G"),
    "sweep": (
        "convcalc sweep zoo:mobilenet_v2 --over width=0.5:1:0.25 --over input=96,128",
        "convcalc sweep net.yaml --over width=1:8 --where 'params<=2K' --sort -macs",
    ),
    "report": ("convcalc report zoo:resnet50 -o resnet50.html", "convcalc report net.yaml -o net.html --device a100"),
    "explain": ("convcalc explain zoo:resnet50 stem", "convcalc explain --kind conv_transpose --format latex"),
    "field": ("convcalc field net.yaml", "convcalc field zoo:resnet18 layer2 --seeds 5 -o layer2.svg"),
    "verify": ("convcalc verify net.yaml", "convcalc verify zoo:resnet18 --layer stem --against onnxruntime"),
    "saliency": (
        "convcalc saliency classifier.onnx --image cat.png --class 7 -o map.png",
        "convcalc saliency classifier.onnx --image cat.png --smooth 25 -o map.npy",
    ),
    "lint": (
        "convcalc lint zoo:vgg16 --input 3x32x32",
        "convcalc lint net.yaml --device a100 --format sarif=out.sarif --force",
    ),
    "import": ("convcalc import model.onnx", "convcalc import model.onnx -o net.yaml --input 3x224x224"),
    "export": ("convcalc export zoo:resnet18 -o resnet18.onnx", "convcalc export net.yaml -o net.py"),
    "zoo": ("convcalc zoo", "convcalc zoo resnet50 > net.yaml"),
    "devices": ("convcalc devices", "convcalc devices a100 cortex-m7"),
    "kinds": ("convcalc kinds", "convcalc kinds conv_transpose"),
    "rules": ("convcalc rules", "convcalc rules dead-taps"),
    "schema": ("convcalc schema", "convcalc schema > convcalc.schema.json"),
    "help": ("convcalc help", "convcalc help language"),
}


def epilog(command: str) -> str:
    """The last lines of a command's help."""
    return "\n\n".join(["Examples:", *EXAMPLES[command]])
