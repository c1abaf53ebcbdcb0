//! Nobody runs what was uploaded, whenever it came in.

use gabion_edge::Plane;

use super::{echo, front};
use crate::front::{Setup, field, soon};

#[tokio::test]
async fn scripts_in_folders_of_uploads_are_never_asked_for() {
    let shop = echo().await;
    let front = front("certain", "", &shop);
    for path in [
        "/media/custom_options/quote/x.php",
        "/pub/media/x.phtml?c=id",
        "/media/x.php/y.jpg",
        "/media/x.jpg/y.php",
        "/media/x%2Ephp",
        "/media/x.php.jpg",
        "/blog/wp-content/uploads/2026/11/x.phar",
        "/Uploads/x.ASPX",
    ] {
        let answer = front.get(path).await;
        assert_eq!(answer.status, 403, "{path}");
    }
    assert_eq!(shop.requests(), 0);
    for path in ["/media/x.jpg", "/index.php", "/index.php/media/x", "/wp-admin/upload.php"] {
        assert_eq!(front.get(path).await.status, 200, "{path}");
    }
    let event = front.events.first("upload.run").await;
    assert_eq!((field(&event, "extension").as_str(), field(&event, "folder").as_str()), ("php", "/media/"));
}

#[tokio::test]
async fn such_a_request_is_refused_over_http2_too_and_before_its_body_came() {
    let shop = echo().await;
    let front = front("block", "", &shop);
    let request = http::Request::post("https://shop.example/media/x.php");
    let (_feed, body) = gabion_test::body::fed();
    let answer = front.http2().await.send_request(request.body(body).unwrap());
    assert_eq!(soon(answer).await.unwrap().status(), 403);
    assert!(front.address(Plane::Https).ip().is_loopback());
    assert_eq!(shop.requests(), 0);
}

#[tokio::test]
async fn folders_are_those_of_the_route_and_detect_only_tells() {
    let shop = echo().await;
    let front = Setup::of(&[&shop])
        .upload("mode = \"block\"\nfolders = [\"/own/\"]")
        .more("[[route]]\npath = \"/old\"\nupstream = \"shop\"\nupload_folders = []")
        .more("[[route]]\npath = \"/own/seen\"\nupstream = \"shop\"\nupload = \"detect\"")
        .start();
    assert_eq!(front.get("/own/x.php").await.status, 403);
    assert_eq!(front.get("/media/x.php").await.status, 200);
    assert_eq!(front.get("/old/media/x.php").await.status, 200);
    assert_eq!(front.get("/own/seen/x.php").await.status, 200);
    let told = front.events.all().into_iter().rfind(|event| event.kind == "upload.run").unwrap();
    assert_eq!(field(&told, "refused"), "false");
}
