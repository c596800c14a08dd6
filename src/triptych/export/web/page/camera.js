// A camera on a sphere around a target (triptych.geometry.look_at): world z up, OpenCV axes.

const RADIANS = Math.PI / 180;

/** {c2w, intrinsics} of {target, radius, azimuth_degrees, elevation_degrees, intrinsics}, as in the manifest. */
export function cameraOf({ target, radius, azimuth_degrees, elevation_degrees, intrinsics }) {
    const [azimuth, elevation] = [azimuth_degrees * RADIANS, elevation_degrees * RADIANS];
    const across = Math.cos(elevation);
    const back = [across * Math.cos(azimuth), across * Math.sin(azimuth), Math.sin(elevation)];
    const forward = back.map((value) => -value);
    const right = [-Math.sin(azimuth), Math.cos(azimuth), 0];
    const down = cross(forward, right);
    const eye = target.map((value, axis) => value + radius * back[axis]);
    return { c2w: [0, 1, 2].map((axis) => [right[axis], down[axis], forward[axis], eye[axis]]), intrinsics };
}

function cross([ax, ay, az], [bx, by, bz]) {
    return [ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx];
}
