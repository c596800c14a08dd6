// What computes pictures: a graphics card through WebGPU (webgpu/), else WebGL2 (webgl/). Both folders have the same
// shaders, each in its language, and a class Graphics that is used alike.

/**
 * What `build` makes of a Graphics: of WebGPU's where there is a graphics card for it and nothing fails, else WebGL2's.
 *
 * @param asked "webgl", or "webgpu" even if the processor computes it; anything else takes what is faster here
 */
export async function withGraphics(asked, build) {
    if (asked !== "webgl") {
        try {
            const { Graphics } = await import("./webgpu/graphics.js");
            const graphics = await Graphics.create();
            if (graphics.isSoftware() && asked !== "webgpu") throw new Error("no graphics card");
            const built = await build(graphics);
            await graphics.check();
            return built;
        } catch (error) {
            console.info(`WebGL2 instead of WebGPU: ${error.message}`);
        }
    }
    const { Graphics } = await import("./webgl/graphics.js");
    return build(new Graphics());
}

/** The texts of shaders of the folder, in the language of `graphics`. */
export async function readShaders({ folder, language }, ...names) {
    return Promise.all(
        names.map(async (name) => {
            const path = `${folder}/${name}.${language}`;
            const answer = await fetch(path);
            if (!answer.ok) throw new Error(`${path}: the server answers ${answer.status}`);
            return answer.text();
        }),
    );
}

/** Let the page do what waits: take input, show what is drawn. */
export function pause() {
    return new Promise((goOn) => setTimeout(goOn));
}

/** A floating-point number as shaders have it, in both languages. */
export function float(value) {
    const text = String(value);
    return /[.e]/.test(text) ? text : `${text}.0`;
}

/** Several as a vector. */
export function vector(values) {
    return `vec${values.length}(${values.map(float).join(", ")})`;
}
