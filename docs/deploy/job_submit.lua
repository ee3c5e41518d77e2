-- Asks the router at submission, inside slurmctld: opt-in, beside or instead of the daemon (slurm.md).
--
-- While slurmctld asks it does nothing else, so that the whole exchange has one deadline. A router that is away, late or
-- not understood costs no job: it then goes to `otherwise`. Copy this file beside slurm.conf, set what follows, and give
-- slurm.conf JobSubmitPlugins=lua.

local settings = {
  socket = "/run/tidegate/router.sock", -- or: port = 8300, token = "…", for 127.0.0.1
  deadline = 0.050, -- seconds, for everything
  cluster = "lab", -- its name at the router
  origin = 1796000400, -- the scenario's time 0, in seconds since 1970: date --date=2026-11-30T00:00:00+01:00 +%s
  gate = "gate", -- only jobs of this partition are asked about; it is the default one
  partitions = { committed = "committed", burst = "burst" }, -- of each site
  otherwise = "committed", -- partition of jobs that nobody answers for; "gate": the daemon asks later
  class = "research", -- of jobs whose account is not among the next
  classes = { training = "pretraining" }, -- by account
  priority = 3, -- of the job, 0 to 7
}

local ok_socket, socket = pcall(require, "socket")
local ok_unix, unix = pcall(require, "socket.unix")
local ok_json, json = pcall(require, "cjson.safe")
local asked = 0

-- Accelerators of `gres:gpu:h100:8`; 0 where none is asked for.
local function count(text)
  local total = 0
  for part in string.gmatch(text or "", "[^,]+") do
    if string.find(part, "gpu", 1, true) then
      total = total + (tonumber(string.match(part, "[:=](%d+)$")) or 1)
    end
  end
  return total
end

local function known(number, other)
  if number == nil or number >= 4294967294 then return other end
  return number
end

local function gang(job)
  local nodes = known(job.min_nodes, 1)
  local tasks = known(job.num_tasks, 1)
  return count(job.tres_per_job) + count(job.tres_per_node) * nodes + count(job.tres_per_task) * tasks
end

local function question(job, uid)
  local now = math.max(0, math.floor((socket.gettime() - settings.origin) * 1000))
  local minutes = known(job.time_limit, 1440)
  asked = asked + 1
  local id = string.format("submit-%d-%d-%d", uid, now, asked)
  local told = {
    id = id, job_class = settings.classes[job.account or ""] or settings.class, gang = gang(job),
    requested_ms = math.max(1, minutes) * 60000, priority = settings.priority, submitted_ms = now, ready_ms = now,
    status = "new", is_offered = true,
  }
  return id, json.encode({ cluster = settings.cluster, requests = { { id = id, attempt = 1, job = told } } })
end

-- The body of an answer, or nil and why there is none. Every call gets what is left of the one deadline.
local function exchange(body)
  local ends = socket.gettime() + settings.deadline
  local line = settings.socket and unix() or socket.tcp()
  local function left()
    line:settimeout(math.max(0.001, ends - socket.gettime()), "t")
    return line
  end
  local function failed(why)
    line:close()
    return nil, why
  end
  local done, why
  if settings.socket then done, why = left():connect(settings.socket) else done, why = left():connect("127.0.0.1", settings.port) end
  if not done then return failed(why) end
  local head = "POST /v1/route HTTP/1.0\r\nHost: localhost\r\nContent-Type: application/json\r\n"
  if settings.token then head = head .. "Authorization: Bearer " .. settings.token .. "\r\n" end
  done, why = left():send(head .. "Content-Length: " .. #body .. "\r\n\r\n" .. body)
  if not done then return failed(why) end
  local status = left():receive("*l")
  if not status or not string.find(status, "^HTTP/1%.%d 200") then return failed(status or "timeout") end
  local length
  repeat
    local header = left():receive("*l")
    if not header then return failed("timeout") end
    length = tonumber(string.match(string.lower(header), "^content%-length:%s*(%d+)")) or length
  until header == ""
  if not length or length > 65536 then return failed("no length") end
  done, why = left():receive(length)
  if not done then return failed(why) end
  line:close()
  return done
end

-- Partition for a job, or nil and why there is no answer.
local function ask(job, uid)
  local id, body = question(job, uid)
  local text, why = exchange(body)
  if not text then return nil, why end
  local answer = json.decode(text)
  local decision = type(answer) == "table" and type(answer.decisions) == "table" and answer.decisions[1]
  if type(decision) ~= "table" or decision.id ~= id then return nil, "not understood" end
  if decision.action == "hold" then return settings.gate end
  local partition = settings.partitions[decision.action]
  if not partition then return nil, "no such site" end
  return partition
end

function slurm_job_submit(job, partitions, uid)
  local is_whole = ok_socket and ok_json and (ok_unix or not settings.socket)
  local is_asked_about = job.partition == nil or job.partition == settings.gate
  if not is_asked_about or job.priority == 0 or gang(job) == 0 or job.array_inx ~= nil then return slurm.SUCCESS end
  local is_fine, partition, why = true, nil, "lua-socket or lua-cjson is absent"
  if is_whole then
    is_fine, partition, why = pcall(ask, job, uid)
    if not is_fine then partition, why = nil, tostring(partition) end
  end
  if partition == nil then
    slurm.log_info("tidegate: no answer (%s): %s", tostring(why), settings.otherwise)
    partition = settings.otherwise
  end
  job.partition = partition
  return slurm.SUCCESS
end

function slurm_job_modify(job, record, partitions, uid)
  return slurm.SUCCESS
end

return slurm.SUCCESS
