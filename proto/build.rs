//! Compiles the .proto files without protoc: protox parses them, tonic-prost-build writes the code.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let files = [
        "proto/pannier/v1/control.proto",
        "proto/pannier/v1/feed.proto",
    ];
    for file in files {
        println!("cargo:rerun-if-changed={file}");
    }
    let descriptors = protox::compile(files, ["proto"])?;
    tonic_prost_build::configure().compile_fds(descriptors)?;
    Ok(())
}
