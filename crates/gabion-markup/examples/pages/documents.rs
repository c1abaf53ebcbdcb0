//! Pages of shops, written for this benchmark.

/// Makes a page of at least so many bytes.
type Make = fn(usize) -> Vec<u8>;

/// Names of pages, and what makes each.
pub(crate) const DOCUMENTS: [(&str, Make); 3] =
    [("text", text), ("attributes", attributes), ("scripts", scripts)];

const HEAD: &str = "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Garden chairs - Shop</title>\
    <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><link rel=\"stylesheet\" \
    href=\"/static/shop.css\"><link rel=\"preload\" as=\"font\" href=\"/static/sans.woff2\" crossorigin>\
    <script src=\"/static/shop.js\" defer></script></head><body class=\"category\">";

/// A category with descriptions: mostly words.
fn text(bytes: usize) -> Vec<u8> {
    repeated(
        bytes,
        "<article class=\"product\"><h2><a href=\"/chairs/oak-7\">Folding chair in oiled oak</a></h2>\
         <img src=\"/media/oak-7.webp\" alt=\"Chair\" width=\"320\" height=\"240\" loading=\"lazy\">\
         <p>Solid oak, oiled by hand, for up to 130&nbsp;kg. The seat folds flat, so that six chairs fit behind a door. \
         Leave it outside from spring to autumn; a coat of oil once a year keeps the wood from turning gray. All screws \
         are of stainless steel and can be tightened with the key in the box.</p>\n\
         <p>Our carpenters in the valley cut each leg from one piece. Small knots and lines are no fault: they show that \
         the chair was a tree. If you do not like it, send it back within 60 days, and we pay for the way.</p>\n\
         <p class=\"price\">89.00 <span>incl. VAT</span></p></article>\n",
    )
}

/// A template of a page builder: deep elements, long classes, data for scripts, handlers.
fn attributes(bytes: usize) -> Vec<u8> {
    repeated(
        bytes,
        "<div class=\"grid-item col-6 col-md-4 col-lg-3 js-track\" data-id=\"4711\" data-position=\"3\" \
         data-json='{\"name\":\"chair\",\"price\":89,\"list\":\"summer\"}' onclick=\"track(this, 'open')\">\
         <a href=\"/chairs/oak-7?ref=list\" class=\"tile__link link-reset d-block\" title=\"Folding chair\" \
         onmouseover=\"preview(7)\"><img class=\"tile__image lazy\" src=\"//img.example/oak-7-s.webp\" \
         srcset=\"//img.example/oak-7-s.webp 320w, //img.example/oak-7-m.webp 640w\" sizes=\"(max-width: 600px) 50vw, 25vw\" \
         alt=\"\" onerror=\"this.hidden=true\"></a><form action=\"/cart/add\" method=\"post\"><input type=\"hidden\" \
         name=\"sku\" value=\"oak-7\"><select name=\"color\"><option value=\"1\">oak<option value=\"2\">ash</select>\
         <button class=\"btn btn-primary btn-sm\" type=\"submit\" aria-label=\"Add to cart\" onclick=\"return add(event)\">\
         <svg class=\"icon\" viewBox=\"0 0 16 16\"><path d=\"M1 1h14v14H1z\"/></svg></button></form></div>\n",
    )
}

/// A shop of many applications: mostly inline scripts and data.
fn scripts(bytes: usize) -> Vec<u8> {
    let lines = "  if (state.items.length > 0 && now - state.seen < 3600) { queue.push({ event: 'view', id: state.items[0].id }); }\n";
    let script = format!(
        "<script>(function (queue, state) {{\n{}}})(window.queue = window.queue || [], window.state);</script>\n\
         <script type=\"application/ld+json\">{{\"@type\":\"Product\",\"name\":\"Folding chair\",\"offers\":[]}}</script>\
         <script src=\"https://apps.example/widget-4.js?shop=1\" async></script><div id=\"widget\"></div>\n",
        lines.repeat(20)
    );
    repeated(bytes, &script)
}

fn repeated(bytes: usize, part: &str) -> Vec<u8> {
    let mut page = HEAD.as_bytes().to_vec();
    while page.len() < bytes {
        page.extend_from_slice(part.as_bytes());
    }
    page.extend_from_slice(b"</body></html>\n");
    page
}
