-- wrk's requests: each a genuine ticket that nobody showed before, from the file that SCANS names.
local bodies, number = {}, tonumber(os.getenv("SCANS_FROM"))
for line in io.lines(os.getenv("SCANS")) do bodies[#bodies + 1] = line end
local headers = { ["Content-Type"] = "application/json", ["X-Service-Key"] = os.getenv("SERVICE_API_KEY") }

request = function()
  number = number + 1
  return wrk.format("POST", "/validate-qr", headers, bodies[number % #bodies + 1])
end

done = function(summary, latency)
  local failed = summary.errors.status + summary.errors.timeout + summary.errors.connect
      + summary.errors.read + summary.errors.write
  print(string.format("result %f %f %d", summary.requests / summary.duration * 1e6,
    latency:percentile(99) / 1000, failed))
end
