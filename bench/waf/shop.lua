-- Sends ordinary requests of a shop one after the other: the files named behind `--`. And the line that the benchmark reads.
dofile(string.match(debug.getinfo(1, "S").source, "^@(.*/)") .. "../edge/wrk.lua")

local requests, turn = {}, 0

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("*a")
  file:close()
  local head, body = string.match(text, "^(.-)\r?\n\r?\n(.*)$")
  assert(head, path .. " has no empty line after its head")
  local method, target, headers = nil, nil, {}
  for line in string.gmatch(head, "[^\r\n]+") do
    if method then
      local name, value = string.match(line, "^([^:]+):%s*(.*)$")
      if name ~= "Host" and name ~= "Content-Length" then headers[name] = value end
    else
      method, target = string.match(line, "^(%S+) (%S+)")
    end
  end
  return method, target, headers, body
end

init = function(arguments)
  for _, path in ipairs(arguments) do
    local method, target, headers, body = read(path)
    table.insert(requests, wrk.format(method, target, headers, body ~= "" and body or nil))
  end
end

request = function()
  turn = turn % #requests + 1
  return requests[turn]
end
