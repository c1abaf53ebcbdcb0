//! Writing and reading.

use gabion_store::{StoreError, params};

use crate::place::Place;

#[tokio::test]
async fn a_write_is_read_back() {
    let place = Place::sqlite();
    let db = place.open().await;
    db.write(|tx| tx.execute("INSERT INTO tea (id, name) VALUES ($1, $2)", params![1_i64, "assam"]))
        .await
        .unwrap();
    let name: String = db
        .read(|tx| {
            let row = tx.query_one("SELECT name FROM tea WHERE id = $1", params![1_i64])?.unwrap();
            row.get("name")
        })
        .await
        .unwrap();
    assert_eq!(name, "assam");
    let error: StoreError = db.read(|tx| tx.execute("DELETE FROM tea", params![])).await.unwrap_err();
    println!("{error}");
    db.close().await;
    let db = place.open().await;
    assert_eq!(db.journal().newest(), 0);
    db.write(|tx| tx.record(&crate::place::happened())).await.unwrap();
    assert_eq!(db.journal().newest(), 1);
}
