"""What the slides of Schnepf, Kassab et al. 2024 report, to stand beside our own numbers."""

TABLE_2 = {
    "ours_micro": (26.52, 26.95),
    "ours_macro": (25.67, 26.10),
    "rgb_macro": (27.84, 28.00),
    "rgb": (28.24, 28.40),
    "no_prior": (27.72, 28.13),
    "ours": (28.05, 28.48),
}
"""PSNR in dB on test views of (train scenes, exploit scenes), by experiment: SRN cars, N_train 500, M 50."""

TABLE_1 = {
    "rgb": {"t_scene": 32 * 60.0, "t_eff": 32 * 60.0, "m_scene": 1.5e6, "m_eff": 1.5e6, "t_render": 0.0233},
    "ours": {"t_scene": 2 * 60.0, "t_eff": 4.5 * 60, "m_scene": 0.48e6, "m_eff": 0.84e6, "t_render": 0.0110},
}
"""Seconds and bytes a scene, N_exploit 1000, and seconds to render a 128x128 view, on a GPU."""
