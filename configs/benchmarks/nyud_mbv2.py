"""All methods on NYU-v2 frames at half size, MobileNetV2 x0.35, three tasks, three seeds."""
