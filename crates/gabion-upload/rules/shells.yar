// Web shells by what they do: code that runs what a request says, or what it unpacks itself. Opening tags of PHP, ASP
// and JSP are refused without any rule; these name what is behind them, and find it where the tag is hidden.

rule php_runs_what_a_request_says {
    meta:
        description = "PHP that runs a part of the request"
    strings:
        $call = /(eval|assert|system|exec|passthru|popen|proc_open|create_function|call_user_func|call_user_func_array|preg_replace|include|include_once|require|require_once)[ \t]{0,8}\(?[^;<>\x80-\xff\x00]{0,64}\$_(GET|POST|REQUEST|COOKIE|SERVER|FILES)/i
        $name = /\$[a-z0-9_]{1,32}[ \t]{0,4}\([ \t@]{0,8}\$_(GET|POST|REQUEST|COOKIE)[ \t]{0,4}[\[{]/i
        $both = /\$_(GET|POST|REQUEST|COOKIE)[ \t]{0,4}[\[{][^\]}]{1,32}[\]}][ \t]{0,4}\(/i
        $backtick = /`[ \t]{0,8}\$_(GET|POST|REQUEST|COOKIE)/i
    condition:
        any of them
}

rule php_request_inside_a_picture {
    meta:
        description = "A picture that reads parts of a request"
    strings:
        $jpeg = { FF D8 FF }
        $png = { 89 50 4E 47 0D 0A 1A 0A }
        $gif = "GIF8"
        $webp = "RIFF"
        $bmp = { 42 4D [4] 00 00 00 00 }
        $request = /\$_(GET|POST|REQUEST|COOKIE|FILES|SERVER)[ \t]{0,4}[\[{]/
        $input = "php://input"
        $headers = "getallheaders()"
        $callback = /(eval|assert|system|passthru|shell_exec|base64_decode|gzinflate)[ \t]{0,4}\([ \t]{0,4}['"$@]/
    condition:
        ($jpeg at 0 or $png at 0 or $gif at 0 or $webp at 0 or $bmp at 0)
        and any of ($request, $input, $headers, $callback)
}

rule php_unpacks_and_runs {
    meta:
        description = "PHP that runs what it unpacks"
    strings:
        $direct = /(eval|assert|create_function)[ \t]{0,8}\([ \t@'",\$]{0,16}(base64_decode|gzinflate|gzuncompress|gzdecode|str_rot13|rawurldecode|urldecode|hex2bin|strrev|convert_uudecode|openssl_decrypt|pack)[ \t]{0,8}\(/i
        $nested = /(gzinflate|gzuncompress|gzdecode|str_rot13|strrev)[ \t]{0,8}\([ \t@]{0,8}(base64_decode|str_rot13|strrev)[ \t]{0,8}\(/i
        $modifier = /preg_replace[ \t]{0,8}\([ \t]{0,8}['"][^'"\n]{1,64}\/[a-z]{0,4}e[a-z]{0,4}['"]/i
    condition:
        any of them
}

rule php_writes_a_program {
    meta:
        description = "PHP that stores what it is sent as a file"
    strings:
        $tag = "<?"
        $put = "file_put_contents" nocase fullword
        $write = "fwrite" nocase fullword
        $move = "move_uploaded_file" nocase fullword
        $request = /\$_(POST|REQUEST|FILES|GET|COOKIE)/
        $input = "php://input"
    condition:
        $tag and any of ($put, $write, $move) and any of ($request, $input)
}

rule php_hides_words {
    meta:
        description = "PHP that puts its words together from pieces to hide them"
    strings:
        $tag = "<?"
        $chr = /chr[ \t]{0,2}\([ \t]{0,2}[0-9]{1,3}[ \t]{0,2}\)[ \t]{0,2}\./i
        $hex = /(\\x[0-9a-f]{2}){8}/i
        $goto = /goto [A-Za-z0-9_]{5,16};/
        $run = /(eval|assert|create_function|call_user_func)[ \t]{0,4}\(/i
        $globals = /\$\{["']GLOBALS["']\}|\$GLOBALS\[/
    condition:
        $tag and (#chr > 12 or #hex > 6 or #goto > 12) and ($run or $globals)
}

rule shells_by_name {
    meta:
        description = "A web shell that says its name"
    strings:
        $a1 = "b374k" nocase fullword
        $a2 = "c99shell" nocase
        $a3 = "r57shell" nocase
        $a4 = "FilesMan" fullword
        $a5 = "weevely" nocase fullword
        $a6 = "China Chopper" nocase
        $a7 = "AntSword" nocase fullword
        $a8 = "Behinder" fullword
        $a9 = "Godzilla" fullword
        $code = /<\?php|<\?=|<%@|<%eval|\$_(GET|POST|REQUEST|COOKIE)/i
    condition:
        any of ($a*) and $code
}

rule asp_runs_what_a_request_says {
    meta:
        description = "ASP that runs a part of the request"
    strings:
        $eval = /(eval|execute|executeglobal)[ \t]{0,4}\(?[ \t]{0,4}(request|system\.text\.encoding)/i
        $shell = /CreateObject[ \t]{0,4}\([ \t]{0,4}"(WScript|Shell)\.(Shell|Application)"/i
        $start = /Process\.Start[ \t]{0,4}\(/i
        $request = /Request[ \t]{0,4}(\(|\[|\.(Form|QueryString|Item|Params|Files))/i
        $tag = "<%"
        $server = /runat[ \t]{0,4}=[ \t]{0,4}["']?server/i
    condition:
        $eval or (($shell or $start) and $request and ($tag or $server))
}

rule jsp_runs_what_a_request_says {
    meta:
        description = "JSP that runs a part of the request or loads code from it"
    strings:
        $exec = /getRuntime\(\)[ \t\r\n]{0,8}\.[ \t]{0,4}exec[ \t]{0,4}\(/
        $builder = "ProcessBuilder" fullword
        $define = "defineClass" fullword
        $script = "ScriptEngineManager" fullword
        $parameter = /request\.(getParameter|getHeader|getReader|getInputStream|getCookies)/
        $element = "${param." nocase
        $tag = "<%"
        $xml = "<jsp:" nocase
    condition:
        any of ($exec, $builder, $define, $script) and any of ($parameter, $element) and ($tag or $xml)
}

rule coldfusion_runs_programs {
    meta:
        description = "A ColdFusion page that runs programs"
    strings:
        $execute = "<cfexecute" nocase
        $script = /<cfscript>[^\x00]{0,256}createObject/i
    condition:
        any of them
}

rule server_told_to_run_pictures {
    meta:
        description = "Settings that have a web server run other files as programs"
    strings:
        $add = /(AddType|AddHandler|SetHandler|ForceType)[ \t]{1,8}["']?(application\/x-httpd-|php[0-9]?-script|cgi-script|server-parsed|fcgid-script|proxy:unix)/i
        $prepend = /auto_(prepend|append)_file[ \t]{0,4}(=|[ \t])[ \t]{0,4}[^ \t\r\n]/i
        $engine = /php_(admin_)?(value|flag)[ \t]{1,8}(engine|auto_|open_basedir|allow_url_include|disable_functions)/i
        $handlers = /<add [^>]{0,200}(modules|scriptProcessor)[ \t]{0,4}=[ \t]{0,4}"[^"]{0,200}(IsapiModule|CgiModule|FastCgiModule|asp\.dll|php-cgi)/i
    condition:
        filesize < 1MB and any of them
}
