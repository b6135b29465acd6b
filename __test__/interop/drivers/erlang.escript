#!/usr/bin/env escript
%%! -kernel logger_level critical
%% A DTLS 1.2 client or server of Erlang/OTP, as the matrix wants one: see ../matrix/drivers.js.

main([Role, Port | Arguments]) ->
    {ok, _} = application:ensure_all_started(ssl),
    Values = maps:from_list([list_to_tuple(string:split(A, "=")) || A <- Arguments]),
    Options = [{protocol, dtls}, {versions, ['dtlsv1.2']}, {mode, binary}, {active, false},
               {ciphers, suites(maps:get("suite", Values))}
               | authentication(Role, Values)],
    run(Role, list_to_integer(Port), Options);
main(_) ->
    {ok, _} = application:ensure_all_started(ssl),
    {ok, Version} = application:get_key(ssl, vsn),
    io:format("OTP ~s, ssl ~s~n", [erlang:system_info(otp_release), Version]).

%% With ECDHE-PSK alone, its hello names no groups.
suites("ECDHE-PSK" ++ _ = Suite) -> [ssl:str_to_suite(S) || S <- [Suite, "ECDHE-ECDSA-AES128-GCM-SHA256"]];
suites(Suite) -> [ssl:str_to_suite(Suite)].

authentication(Role, #{"psk" := Psk, "identity" := Identity}) ->
    Key = binary:decode_hex(list_to_binary(Psk)),
    Known = fun(psk, Name, _) ->
                case Role =:= "client" orelse Name =:= list_to_binary(Identity) of
                    true -> {ok, Key};
                    false -> error
                end
            end,
    [{psk_identity, Identity}, {user_lookup_fun, {Known, undefined}}];
authentication(Role, Values) ->
    [{certfile, F} || {"cert", F} <- maps:to_list(Values)]
    ++ [{keyfile, F} || {"key", F} <- maps:to_list(Values)]
    ++ [{cacertfile, F} || {"ca", F} <- maps:to_list(Values)]
    ++ verification(Role, maps:is_key("ca", Values)).

verification("client", true) -> [{verify, verify_peer}, {server_name_indication, "localhost"}];
verification("server", true) -> [{verify, verify_peer}, {fail_if_no_peer_cert, true}];
verification(_, false) -> [{verify, verify_none}].

run("client", Port, Options) ->
    client_loop(connect(Port, [{reuse_sessions, save} | Options]), Port, Options, "connected");
run("server", Port, Options) ->
    {ok, Listener} = ssl:listen(Port, [{ip, {127, 0, 0, 1}} | Options]),
    io:format("listening~n"),
    {ok, Accepted} = ssl:transport_accept(Listener),
    {ok, Socket} = ssl:handshake(Accepted),
    io:format("connected~n"),
    echo(Socket).

connect(Port, Options) ->
    case ssl:connect({127, 0, 0, 1}, Port, Options, 60000) of
        {ok, Socket} -> Socket;
        Error -> io:format("~p~n", [Error]), halt(1)
    end.

client_loop(Socket, Port, Options, Greeting) ->
    io:format("~s~n", [Greeting]),
    converse(Socket, Port, Options).

converse(Socket, Port, Options) ->
    case io:get_line("") of
        eof -> ssl:close(Socket);
        "again\n" ->
            {ok, Kept} = ssl:connection_information(Socket, [session_id, session_data]),
            ssl:close(Socket),
            Session = {proplists:get_value(session_id, Kept), proplists:get_value(session_data, Kept)},
            client_loop(connect(Port, [{reuse_session, Session} | Options]), Port, Options, "connected again");
        Line ->
            ok = ssl:send(Socket, Line),
            {ok, Answer} = ssl:recv(Socket, 0, 20000),
            io:format("received ~s", [Answer]),
            converse(Socket, Port, Options)
    end.

echo(Socket) ->
    case ssl:recv(Socket, 0) of
        {ok, Data} -> ok = ssl:send(Socket, Data), echo(Socket);
        {error, _} -> ok
    end.
