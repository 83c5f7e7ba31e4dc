/* records_list: every record of the client and peer protocols and of Apache's
 * files, declared once [zookeeper.jute]. records.h and records.c make of each
 * a struct, a decoder, an encoder and a printer, so no codec is written by
 * hand. A field is F(type, name); the types are those of jute.h, the vectors
 * below, and records declared earlier. */
#ifndef ZKFS_PROTO_RECORDS_LIST_H
#define ZKFS_PROTO_RECORDS_LIST_H

/* Records that vectors are made of come first. */
#define ZK_ELEMENT_RECORDS(R) \
    R(acl)                    \
    R(id)                     \
    R(client_info)            \
    R(sub_txn)

/* Vectors: V(name of the type, type of an element, bytes that an element takes at least). */
#define ZK_VECTORS(V)                  \
    V(vec_ustring, ustring, 4)         \
    V(vec_acl, acl, 12)                \
    V(vec_id, id, 8)                   \
    V(vec_client_info, client_info, 8) \
    V(vec_sub_txn, sub_txn, 8)

#define ZK_RECORDS(R)                              \
    /* shared */                                   \
    R(stat)                                        \
    R(stat_persisted)                              \
    /* connecting, headers, events */              \
    R(connect_request)                             \
    R(connect_response)                            \
    R(request_header)                              \
    R(reply_header)                                \
    R(watcher_event)                               \
    R(multi_header)                                \
    R(error_response)                              \
    /* requests */                                 \
    R(create_request)                              \
    R(create_ttl_request)                          \
    R(path_version_request)                        \
    R(path_watch_request)                          \
    R(path_request)                                \
    R(set_data_request)                            \
    R(set_acl_request)                             \
    R(reconfig_request)                            \
    R(watch_type_request)                          \
    R(auth_packet)                                 \
    R(sasl_packet)                                 \
    R(set_watches)                                 \
    R(set_watches2)                                \
    R(add_watch_request)                           \
    /* replies */                                  \
    R(path_response)                               \
    R(path_stat_response)                          \
    R(stat_response)                               \
    R(get_data_response)                           \
    R(get_acl_response)                            \
    R(get_children_response)                       \
    R(get_children2_response)                      \
    R(get_ephemerals_response)                     \
    R(get_all_children_number_response)            \
    R(who_am_i_response)                           \
    /* txns */                                     \
    R(txn_header)                                  \
    R(txn_digest)                                  \
    R(create_session_txn)                          \
    R(close_session_txn)                           \
    R(create_txn)                                  \
    R(create_container_txn)                        \
    R(create_ttl_txn)                              \
    R(delete_txn)                                  \
    R(set_data_txn)                                \
    R(set_acl_txn)                                 \
    R(check_version_txn)                           \
    R(multi_txn)                                   \
    R(error_txn)                                   \
    /* between servers */                          \
    R(quorum_packet)                               \
    R(learner_info)                                \
    R(session_timeout)                             \
    R(session_valid)                               \
    R(forwarded_request)                           \
    R(election_hello)                              \
    R(notification)                                \
    R(quorum_auth_packet)                          \
    /* Apache's files, and the stream of a SNAP */ \
    R(file_header)                                 \
    R(snapshot_acl)                                \
    R(data_node)

#define REC_acl(F) F(i32, perms) F(ustring, scheme) F(ustring, id)
#define REC_id(F) F(ustring, scheme) F(ustring, id)
#define REC_client_info(F) F(ustring, auth_scheme) F(ustring, user)
/* A sub-txn of a multi: DATA is the record of that type. */
#define REC_sub_txn(F) F(i32, type) F(buffer, data)

#define REC_stat(F)         \
    F(i64, czxid)           \
    F(i64, mzxid)           \
    F(i64, ctime)           \
    F(i64, mtime)           \
    F(i32, version)         \
    F(i32, cversion)        \
    F(i32, aversion)        \
    F(i64, ephemeral_owner) \
    F(i32, data_length)     \
    F(i32, num_children)    \
    F(i64, pzxid)
#define REC_stat_persisted(F) \
    F(i64, czxid)             \
    F(i64, mzxid)             \
    F(i64, ctime)             \
    F(i64, mtime)             \
    F(i32, version)           \
    F(i32, cversion)          \
    F(i32, aversion)          \
    F(i64, ephemeral_owner)   \
    F(i64, pzxid)

#define REC_connect_request(F) \
    F(i32, protocol_version)   \
    F(i64, last_zxid_seen)     \
    F(i32, timeout)            \
    F(i64, session_id)         \
    F(buffer, passwd)          \
    F(opt_boolean, read_only)
#define REC_connect_response(F) \
    F(i32, protocol_version)    \
    F(i32, timeout)             \
    F(i64, session_id)          \
    F(buffer, passwd)           \
    F(opt_boolean, read_only)
#define REC_request_header(F) F(i32, xid) F(i32, type)
#define REC_reply_header(F) F(i32, xid) F(i64, zxid) F(i32, err)
#define REC_watcher_event(F) F(i32, type) F(i32, state) F(ustring, path)
#define REC_multi_header(F) F(i32, type) F(boolean, done) F(i32, err)
#define REC_error_response(F) F(i32, err)

/* create, create2, createContainer */
#define REC_create_request(F) F(ustring, path) F(buffer, data) F(vec_acl, acl) F(i32, flags)
#define REC_create_ttl_request(F) \
    F(ustring, path) F(buffer, data) F(vec_acl, acl) F(i32, flags) F(i64, ttl)
/* delete, check */
#define REC_path_version_request(F) F(ustring, path) F(i32, version)
/* exists, getData, getChildren, getChildren2 */
#define REC_path_watch_request(F) F(ustring, path) F(boolean, watch)
/* getACL, sync, getEphemerals (a prefix), getAllChildrenNumber */
#define REC_path_request(F) F(ustring, path)
#define REC_set_data_request(F) F(ustring, path) F(buffer, data) F(i32, version)
#define REC_set_acl_request(F) F(ustring, path) F(vec_acl, acl) F(i32, version)
#define REC_reconfig_request(F) \
    F(ustring, joining_servers) \
    F(ustring, leaving_servers) F(ustring, new_members) F(i64, cur_config_id)
/* checkWatches, removeWatches */
#define REC_watch_type_request(F) F(ustring, path) F(i32, type)
#define REC_auth_packet(F) F(i32, type) F(ustring, scheme) F(buffer, auth)
#define REC_sasl_packet(F) F(buffer, token)
#define REC_set_watches(F) \
    F(i64, relative_zxid) F(vec_ustring, data) F(vec_ustring, exist) F(vec_ustring, child)
#define REC_set_watches2(F) \
    F(i64, relative_zxid)   \
    F(vec_ustring, data)    \
    F(vec_ustring, exist)   \
    F(vec_ustring, child) F(vec_ustring, persistent) F(vec_ustring, persistent_recursive)
#define REC_add_watch_request(F) F(ustring, path) F(i32, mode)

/* create, sync */
#define REC_path_response(F) F(ustring, path)
/* create2, createContainer, createTTL */
#define REC_path_stat_response(F) F(ustring, path) F(stat, stat)
/* exists, setData, setACL */
#define REC_stat_response(F) F(stat, stat)
#define REC_get_data_response(F) F(buffer, data) F(stat, stat)
#define REC_get_acl_response(F) F(vec_acl, acl) F(stat, stat)
#define REC_get_children_response(F) F(vec_ustring, children)
#define REC_get_children2_response(F) F(vec_ustring, children) F(stat, stat)
#define REC_get_ephemerals_response(F) F(vec_ustring, ephemerals)
#define REC_get_all_children_number_response(F) F(i32, total)
#define REC_who_am_i_response(F) F(vec_client_info, info)

#define REC_txn_header(F) F(i64, client_id) F(i32, cxid) F(i64, zxid) F(i64, time) F(i32, type)
#define REC_txn_digest(F) F(i32, version) F(i64, tree_digest)
#define REC_create_session_txn(F) F(i32, timeout)
#define REC_close_session_txn(F) F(vec_ustring, paths)
/* create, create2 */
#define REC_create_txn(F) \
    F(ustring, path)      \
    F(buffer, data) F(vec_acl, acl) F(boolean, ephemeral) F(i32, parent_cversion)
#define REC_create_container_txn(F) \
    F(ustring, path) F(buffer, data) F(vec_acl, acl) F(i32, parent_cversion)
#define REC_create_ttl_txn(F) \
    F(ustring, path) F(buffer, data) F(vec_acl, acl) F(i32, parent_cversion) F(i64, ttl)
/* delete, deleteContainer */
#define REC_delete_txn(F) F(ustring, path)
/* setData, reconfig; VERSION is the new one */
#define REC_set_data_txn(F) F(ustring, path) F(buffer, data) F(i32, version)
#define REC_set_acl_txn(F) F(ustring, path) F(vec_acl, acl) F(i32, version)
#define REC_check_version_txn(F) F(ustring, path) F(i32, version)
#define REC_multi_txn(F) F(vec_sub_txn, txns)
#define REC_error_txn(F) F(i32, err)

/* What peers say on the quorum port; opcodes: quorum_types.h. */
#define REC_quorum_packet(F) F(i32, type) F(i64, zxid) F(buffer, data) F(vec_id, authinfo)
/* Data of FOLLOWERINFO and OBSERVERINFO. */
#define REC_learner_info(F) F(i64, sid) F(i32, protocol_version) F(i64, config_version)
/* A learner's PING (any number of them) and REVALIDATE; a session of a snapshot. */
#define REC_session_timeout(F) F(i64, session_id) F(i32, timeout)
/* A leader's answer to REVALIDATE. */
#define REC_session_valid(F) F(i64, session_id) F(boolean, valid)
/* Data of REQUEST begins with this; the client's body follows. */
#define REC_forwarded_request(F) F(i64, session_id) F(i32, cxid) F(i32, op)
/* The first bytes on an election connection, from who opened it. */
#define REC_election_hello(F) F(i64, protocol) F(i64, sid) F(ustring, address)
/* In the form sent since 3.5; older, shorter ones are notification.h's business. */
#define REC_notification(F) \
    F(i32, state)           \
    F(i64, leader)          \
    F(i64, zxid) F(i64, round) F(i64, peer_epoch) F(i32, version) F(buffer, config)
#define REC_quorum_auth_packet(F) F(i64, magic) F(i32, status) F(buffer, token)

#define REC_file_header(F) F(i32, magic) F(i32, version) F(i64, dbid)
#define REC_snapshot_acl(F) F(i64, key) F(vec_acl, acl)
#define REC_data_node(F) F(buffer, data) F(i64, acl_key) F(stat_persisted, stat)

#endif
