-- wrk's requests: each a genuine ticket that nobody showed before, from the file that SCANS names.
local bodies, number = {}, tonumber(os.getenv("SCANS_FROM"))
for line in io.lines(os.getenv("SCANS")) do bodies[#bodies + 1] = line end
local headers = { ["Content-Type"] = "application/json", ["X-Service-Key"] = os.getenv("SERVICE_API_KEY") }

request = function()
  number = number + 1
  return wrk.format("POST", "/validate-qr", headers, bodies[number % #bodies + 1])
end

done = function(summary, latency)
  local errors = summary.errors
  local lost = errors.timeout + errors.connect + errors.read + errors.write
  print(string.format("result %d %d %d %f %f %f", summary.requests - errors.status, errors.status, lost,
    summary.duration / 1e6, latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
