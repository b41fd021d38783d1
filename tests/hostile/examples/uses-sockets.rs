//! A guest that connects with the standard library, and so imports `wasi:sockets`.

use std::{
    io::Write as _,
    net::{SocketAddr, TcpStream},
};

const MANIFEST: &[u8] = hostile::manifest!("uses-sockets");

hostile::guest! {
    section: MANIFEST,
    describe: describe,
}

fn describe() -> Vec<u8> {
    let outside = SocketAddr::from(([192, 0, 2, 1], 80));
    if let Ok(mut stream) = TcpStream::connect(outside) {
        let _ = stream.write_all(b"GET / HTTP/1.0\r\n\r\n");
    }
    MANIFEST.to_vec()
}
