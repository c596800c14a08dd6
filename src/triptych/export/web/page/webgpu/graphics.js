// WebGPU in a few words, to be used like webgl/graphics.js. Images are buffers, of which the first pixels lie close:
// [layer, row, column] of what a program is run over; only interpolated ones are textures.

const ERRORS = ["validation", "out-of-memory", "internal"];
const BYTES_PER_PIXEL = { numbers: 16, bits: 4, pixels: 4 };
const SIDE_OF_GROUP = 8;
const LAYERS_PER_DRAW = 4;
/** Sizes of what is computed, and the first row. */
const EXTENT = "@group(0) @binding(0) var<uniform> extent: vec3u;\n";

export class Graphics {
    name = "WebGPU";
    folder = "webgpu";
    language = "wgsl";

    static async create() {
        const adapter = await navigator.gpu?.requestAdapter({ powerPreference: "high-performance" });
        if (!adapter || !globalThis.Float16Array) throw new Error("this browser has none, or an old one");
        const { maxBufferSize, maxStorageBufferBindingSize } = adapter.limits;
        const requiredLimits = { maxBufferSize, maxStorageBufferBindingSize };
        return new Graphics(adapter, await adapter.requestDevice({ requiredLimits }));
    }

    constructor(adapter, device) {
        Object.assign(this, { adapter, device });
        for (const kind of ERRORS) device.pushErrorScope(kind);
        this.extent = this.block(new Uint32Array(4));
        this.sampler = device.createSampler({ magFilter: "linear", minFilter: "linear" });
    }

    isSoftware() {
        return this.adapter.info.isFallbackAdapter;
    }

    whenBroken(tell) {
        this.device.lost.then(tell);
        this.device.addEventListener("uncapturederror", tell);
    }

    /** Throw what has gone wrong so far: WebGPU itself goes on. To be called once. */
    async check() {
        const found = await Promise.all(ERRORS.map(() => this.device.popErrorScope()));
        for (const error of found) if (error) throw new Error(error.message);
    }

    /** The program of shaders laid one behind the other, behind definitions of `values`. */
    program(values, ...sources) {
        const lines = Object.entries(values).map(([name, value]) => `const ${name} = ${value};\n`);
        const code = `${lines.join("")}${EXTENT}${sources.join("")}`;
        const module = this.device.createShaderModule({ code });
        const pipeline = this.device.createComputePipeline({ layout: "auto", compute: { module } });
        const bindings = code.matchAll(/@binding\((\d+)\) var(?:<[^>]*>)? (\w+)/g);
        return { pipeline, bindings: [...bindings].map(([, binding, name]) => [Number(binding), name]) };
    }

    image(kind, width, height, layers = 1) {
        const { device } = this;
        if (kind !== "interpolated") {
            const buffer = this._buffer(BYTES_PER_PIXEL[kind] * width * height * layers, GPUBufferUsage.STORAGE);
            return { kind, layers, resource: { buffer } };
        }
        const texture = device.createTexture({
            size: [width, height, layers],
            format: "rgba16float",
            usage: GPUTextureUsage.TEXTURE_BINDING | GPUTextureUsage.COPY_DST,
        });
        return { kind, width, height, layers, texture, resource: texture.createView({ dimension: "2d-array" }) };
    }

    fill({ texture, width, height, layers, resource }, values) {
        const { queue } = this.device;
        if (!texture) return queue.writeBuffer(resource.buffer, 0, values);
        const layout = { bytesPerRow: 8 * width, rowsPerImage: height };
        queue.writeTexture({ texture }, new Float16Array(values), layout, [width, height, layers]);
    }

    block(values) {
        const buffer = this._buffer(values.byteLength, GPUBufferUsage.STORAGE | GPUBufferUsage.UNIFORM);
        this.change({ resource: { buffer } }, values);
        return { resource: { buffer } };
    }

    change({ resource }, values) {
        this.device.queue.writeBuffer(resource.buffer, 0, values);
    }

    _buffer(size, usage) {
        const copied = GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
        return this.device.createBuffer({ size, usage: usage | copied });
    }

    run({ pipeline, bindings }, target, { width, height }, inputs, rows = { first: 0, count: height }) {
        const { device } = this;
        this.change(this.extent, new Uint32Array([width, height, rows.first, 0]));
        const resources = { extent: this.extent, result: target, smoothly: { resource: this.sampler }, ...inputs };
        const entries = bindings.map(([binding, name]) => ({ binding, resource: resources[name].resource }));
        const encoder = device.createCommandEncoder();
        const pass = encoder.beginComputePass();
        pass.setPipeline(pipeline);
        pass.setBindGroup(0, device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }));
        const groups = [width, rows.count].map((side) => Math.ceil(side / SIDE_OF_GROUP));
        pass.dispatchWorkgroups(...groups, Math.ceil(target.layers / LAYERS_PER_DRAW));
        pass.end();
        device.queue.submit([encoder.finish()]);
    }

    async read({ kind, layers, resource }, { width, height }) {
        const { device } = this;
        const bytes = BYTES_PER_PIXEL[kind] * width * height * layers;
        const copy = device.createBuffer({ size: bytes, usage: GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ });
        const encoder = device.createCommandEncoder();
        encoder.copyBufferToBuffer(resource.buffer, 0, copy, 0, bytes);
        device.queue.submit([encoder.finish()]);
        await copy.mapAsync(GPUMapMode.READ);
        const content = copy.getMappedRange().slice(0);
        copy.destroy();
        return kind === "pixels" ? new Uint8ClampedArray(content) : new Float32Array(content);
    }

    async finish() {
        await this.device.queue.onSubmittedWorkDone();
    }
}
