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
    // Answers to queries are handed on without a copy.
    tonic_prost_build::configure()
        .bytes(".pannier.v1.SqlResponse")
        .compile_fds(descriptors)?;
    Ok(())
}
