-- A customer who looks around: of eight requests one is for a page, one for a script, one for a stylesheet, five for pictures.
-- Browsers say what each is for (Fetch Metadata, all of them since 2023).
local paths = { "page.html", "app.js", "style.css", "picture.webp", "picture.webp", "picture.webp", "picture.webp",
  "picture.webp" }
local kinds = { "document", "script", "style", "image", "image", "image", "image", "image" }
local requests = {}
local next = 0

init = function(args)
  for number, path in ipairs(paths) do
    requests[number] = wrk.format("GET", "/" .. path, { ["Sec-Fetch-Dest"] = kinds[number] })
  end
end

request = function()
  next = next % #requests + 1
  return requests[next]
end

dofile("bench/edge/wrk.lua")
