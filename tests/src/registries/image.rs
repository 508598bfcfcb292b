//! The smallest image that every client accepts: a configuration, and an empty archive as a layer.

use std::fs;
use std::path::Path;

use serde_json::json;
use sha2::{Digest as _, Sha256};

/// An empty archive: two blocks of zeros.
pub const EMPTY_ARCHIVE: [u8; 1024] = [0; 1024];

/// The same, compressed with gzip.
const LAYER: &[u8] = &[
    0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0x63, 0x60, 0x18, 0x05, 0xa3, 0x60, 0x14,
    0x8c, 0x54, 0x00, 0x00, 0x2e, 0xaf, 0xb5, 0xef, 0x00, 0x04, 0x00, 0x00,
];

/// An image in docker's own format.
#[derive(Debug)]
pub struct Image {
    /// The manifest, as it is served.
    pub manifest: Vec<u8>,
    /// Digest and content of the manifest's blobs: the configuration and the layer.
    pub blobs: [(String, Vec<u8>); 2],
}

impl Image {
    /// The media type of the manifest.
    pub const MANIFEST_TYPE: &str = "application/vnd.docker.distribution.manifest.v2+json";

    /// The media type of the manifest of an image in OCI's format.
    pub const OCI_MANIFEST_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";

    /// The same as a dev container feature: an OCI artifact with other media types.
    #[must_use]
    pub fn into_feature(mut self) -> Self {
        let manifest = String::from_utf8(self.manifest).expect("a manifest is text");
        self.manifest = manifest
            .replace(Self::MANIFEST_TYPE, Self::OCI_MANIFEST_TYPE)
            .replace(
                "application/vnd.docker.container.image.v1+json",
                "application/vnd.devcontainers",
            )
            .replace(
                "application/vnd.docker.image.rootfs.diff.tar.gzip",
                "application/vnd.oci.image.layer.v1.tar+gzip",
            )
            .into_bytes();
        self
    }

    /// The image; the same bytes every time.
    pub fn smallest() -> Self {
        let config = json!({
            "architecture": "amd64",
            "os": "linux",
            "config": {},
            "rootfs": { "type": "layers", "diff_ids": [digest(&EMPTY_ARCHIVE)] },
        });
        let config = config.to_string().into_bytes();
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": Self::MANIFEST_TYPE,
            "config": {
                "mediaType": "application/vnd.docker.container.image.v1+json",
                "size": config.len(),
                "digest": digest(&config),
            },
            "layers": [{
                "mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip",
                "size": LAYER.len(),
                "digest": digest(LAYER),
            }],
        });
        let blobs = [(digest(&config), config), (digest(LAYER), LAYER.to_vec())];
        Self {
            manifest: manifest.to_string().into_bytes(),
            blobs,
        }
    }

    /// Writes it in skopeo's `dir:` format.
    pub fn write_dir(&self, directory: &Path) {
        fs::create_dir(directory).expect("a new directory");
        let write =
            |name: &str, bytes: &[u8]| fs::write(directory.join(name), bytes).expect("a file of an image");
        write("version", b"Directory Transport Version: 1.1\n");
        write("manifest.json", &self.manifest);
        for (digest, bytes) in &self.blobs {
            write(digest.trim_start_matches("sha256:"), bytes);
        }
    }
}

/// The digest of `bytes`, as manifests write it.
pub fn digest(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    Sha256::digest(bytes)
        .iter()
        .fold("sha256:".to_owned(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}
